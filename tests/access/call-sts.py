"""Makes calls of the Security Token Service with boto3. Standard input: a JSON list of [operation, parameters]; standard output: a
JSON list of what each gave and whom its credentials are then, {"error": ...} where it was refused."""

import json
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

once = Config(retries={"total_max_attempts": 1})
answers = []
for operation, parameters in json.load(sys.stdin):
    unsigned = operation == "assume_role_with_web_identity"
    client = boto3.client("sts", config=once.merge(Config(signature_version=UNSIGNED)) if unsigned else once)
    try:
        answer = getattr(client, operation)(**parameters)
        if "Credentials" in answer:
            made = answer["Credentials"]
            session = boto3.Session(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
            answer["then"] = session.client("sts", config=once).get_caller_identity()["Arn"]
        answers.append(answer)
    except ClientError as error:
        answers.append({"error": error.response["Error"]["Code"], "status": error.response["ResponseMetadata"]["HTTPStatusCode"]})
json.dump(answers, sys.stdout, default=str)
