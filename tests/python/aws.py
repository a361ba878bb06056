"""The tests' own hands on the emulated AWS: boto3 calls, one JSON object a line.

In:  {"id": 1, "region": "us-west-2", "service": "s3", "operation": "put_object", "args": {...}}
     and "pages": true to follow the pages of a listing to the end.
Out: {"id": 1, "ok": {...}} or {"id": 1, "error": {"code": "NoSuchKey", "message": "..."}}
Bytes travel as {"$bytes": "base64"} both ways, times as ISO 8601. Calls run side by side, so
answers may come in another order. A call is made once: a retry would hide what a test is about to
see.
Ends when standard input closes.
"""

import base64
import datetime
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CALLS_AT_ONCE = 96

CONFIG = Config(
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
    connect_timeout=5,
    read_timeout=900,
    max_pool_connections=CALLS_AT_ONCE,
)


class Hands:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test")
        self.clients = {}
        self.making = threading.Lock()
        self.answering = threading.Lock()

    def client(self, region, service):
        # One at a time: boto3 can use a client from many threads, but not make one.
        with self.making:
            if (region, service) not in self.clients:
                self.clients[region, service] = self.session.client(
                    service, region_name=region, endpoint_url=self.endpoint, config=CONFIG)
            return self.clients[region, service]

    def call(self, request):
        client = self.client(request["region"], request["service"])
        args = from_json(request["args"])
        if request.get("pages"):
            found = client.get_paginator(request["operation"]).paginate(**args).build_full_result()
        else:
            found = getattr(client, request["operation"])(**args)
            found.pop("ResponseMetadata", None)
        return to_json(found)

    def answer(self, line):
        request = json.loads(line)
        try:
            answer = {"ok": self.call(request)}
        except ClientError as error:
            told = error.response.get("Error", {})
            answer = {"error": {"code": told.get("Code", ""), "message": told.get("Message", "")}}
        except Exception as error:
            answer = {"error": {"code": type(error).__name__, "message": str(error)}}
        text = json.dumps({"id": request["id"], **answer})
        with self.answering:
            print(text, flush=True)


def from_json(value):
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {key: from_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value


def to_json(value):
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [to_json(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if hasattr(value, "read"):
        return to_json(value.read())
    return value


def main():
    hands = Hands(sys.argv[1])
    threads = ThreadPoolExecutor(CALLS_AT_ONCE)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        threads.submit(hands.answer, line)
    # Not sys.exit: it would wait for calls whose answers nobody reads any more.
    os._exit(0)


main()
