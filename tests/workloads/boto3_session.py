"""A client of AWS that does what standard input says, and prints one line of JSON for each: what
the SDK returned, without its streams.

boto3_session.py PORT

SERVICE OPERATION JSON    (sqs send_message {"QueueUrl": "...", ...})
"""

import json
import sys

import boto3

clients = {}
for line in sys.stdin:
    service, operation, arguments = line.split(" ", 2)
    if service not in clients:
        clients[service] = boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{sys.argv[1]}",
            region_name="eu-west-1",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret-access-key",
        )
    try:
        answer = getattr(clients[service], operation)(**json.loads(arguments))
    except clients[service].exceptions.ClientError as error:
        answer = error.response
    if "Body" in answer:
        answer["Body"] = answer["Body"].read().decode()
    print(json.dumps(answer, default=str), flush=True)
