"""A program: moto's S3 server on a free port of 127.0.0.1, with a bucket, who may write to it and who may only read.

Prints one line of JSON when it is ready, and ends when its stdin does. Credentials are checked, as by a real server.
"""

from __future__ import annotations

import json
import sys
import urllib.request

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "kept"


def main() -> None:
    """Serve until stdin ends."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    access = {
        "endpoint_url": endpoint,
        "aws_access_key_id": "x",
        "aws_secret_access_key": "x",
        "region_name": "us-east-1",
    }
    boto3.client("s3", **access).create_bucket(Bucket=BUCKET)
    iam = boto3.client("iam", **access)
    users = {}
    for name, actions in (("writer", ["s3:*"]), ("reader", ["s3:Get*", "s3:List*", "s3:Head*"])):
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        users[name] = {"access_key": made["AccessKeyId"], "secret_key": made["SecretAccessKey"]}
    plain = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", data=b"0", method="POST", headers=plain)
    urllib.request.urlopen(request, timeout=10).close()  # from here on every request must be allowed
    print(json.dumps({"endpoint": endpoint, "users": users}), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
