"""GDAL's /vsis3/, by rasterio: a GeoTIFF written, read whole and in windows."""

import os

import case

os.environ |= {
    "AWS_ACCESS_KEY_ID": case.KEY, "AWS_SECRET_ACCESS_KEY": case.SECRET, "AWS_REGION": case.REGION,
    "AWS_S3_ENDPOINT": case.HOST, "AWS_HTTPS": "YES" if case.TLS else "NO", "AWS_VIRTUAL_HOSTING": "FALSE",
    "CPL_VSIL_USE_TEMP_FILE_FOR_RANDOM_WRITE": "YES", "GDAL_HTTP_MAX_RETRY": "0",
} | ({"CURL_CA_BUNDLE": case.CA, "GDAL_CURL_CA_BUNDLE": case.CA} if case.TLS else {})  # fmt: skip
import numpy as np
import rasterio
from case import BUCKET

PICTURE = np.arange(3000 * 3000, dtype="uint16").reshape(3000, 3000)


def write(name, picture):
    shape = {"height": picture.shape[0], "width": picture.shape[1], "count": 1, "dtype": "uint16"}
    with rasterio.open(f"/vsis3/{BUCKET}/{name}", "w", driver="GTiff", tiled=True, **shape) as file:
        file.write(picture, 1)
    with rasterio.open(f"/vsis3/{BUCKET}/{name}") as file:
        assert (file.read(1) == picture).all()


def window():
    with rasterio.open(f"/vsis3/{BUCKET}/large.tif") as file:
        found = file.read(1, window=((1000, 1010), (2000, 2010)))
    assert (found == PICTURE[1000:1010, 2000:2010]).all()


case.run(
    {
        "put-small": lambda: write("dir x+y/é.tif", PICTURE[:10, :10]),
        "put-bytes": lambda: write("large.tif", PICTURE),
        "ranges": window,
    }
)
