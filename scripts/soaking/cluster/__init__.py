"""Four MinIO servers as one cluster, of which one is killed, stopped or cut again and again, under load."""
