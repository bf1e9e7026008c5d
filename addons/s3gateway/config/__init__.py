"""What the operator writes: YAML or AIStor-GW's environment -> frozen values."""
