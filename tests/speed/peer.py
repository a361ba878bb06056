"""What one would write with boto3.

    peer.py upload URL FILE BUCKET KEY
    peer.py verify URL BUCKET KEY         prints the SHA-256 of what was read
    peer.py copy URL BUCKET PREFIX TO     every object, one after the other, through this machine
"""

import hashlib
import sys

import boto3

what, url, *rest = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url)
if what == "upload":
    file, bucket, key = rest
    s3.upload_file(file, bucket, key)
elif what == "verify":
    bucket, key = rest
    sha256 = hashlib.sha256()
    for piece in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
        sha256.update(piece)
    print(sha256.hexdigest())
else:
    bucket, prefix, to = rest
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page["Contents"]:
            body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            s3.put_object(Bucket=bucket, Key=to + found["Key"], Body=body)
