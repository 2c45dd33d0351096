"""Makes calls of the ECR API with boto3. Standard input: a JSON list of [operation, parameters] or [operation, parameters,
"pages" or the name of a waiter]; standard output: a JSON list of what each gave, {"error": {...}} where it was refused."""

import base64
import datetime
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    raise TypeError(type(value))


client = boto3.client("ecr", config=Config(retries={"total_max_attempts": 1}))
answers = []
for operation, parameters, *how in json.load(sys.stdin):
    try:
        if how == ["pages"]:
            answers.append(list(client.get_paginator(operation).paginate(**parameters)))
        elif how:
            answers.append(client.get_waiter(how[0]).wait(**parameters))
        else:
            if "layerPartBlob" in parameters:
                parameters["layerPartBlob"] = base64.b64decode(parameters["layerPartBlob"])
            answers.append(getattr(client, operation)(**parameters))
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        attempts = error.response["ResponseMetadata"]["RetryAttempts"]
        answers.append({"error": {**error.response["Error"], "status": status, "retries": attempts}})
json.dump(answers, sys.stdout, default=plain)
