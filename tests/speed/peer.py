"""What one would write with boto3.

    peer.py upload URL FILE BUCKET KEY
    peer.py verify URL BUCKET KEY         prints the SHA-256 of what was read
"""

import hashlib
import sys

import boto3

what, url, *rest = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url)
if what == "upload":
    file, bucket, key = rest
    s3.upload_file(file, bucket, key)
else:
    bucket, key = rest
    sha256 = hashlib.sha256()
    for piece in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
        sha256.update(piece)
    print(sha256.hexdigest())
