"""Makes calls of the ECR API with a client of AWS that is written in Python: boto3, or the AWS CLI of this interpreter.

First argument: boto3 or cli. Standard input: a JSON list of steps, {"operation", "input", "how"}; `how` is "call", "pages" or
the name of a waiter. In an input "${Operation.member}" stands for what an answer gave. Standard output: a JSON object with
"operations", the names of those that the client knows, and "answers": what each step gave, {"refused": code, "message": text}
where the server refused it, {"unknown": true} where the client has no such operation."""

import base64
import contextlib
import datetime
import io
import json
import re
import sys

given = {}


def filled(value):
    if isinstance(value, str) and (found := re.fullmatch(r"\$\{(\w+)\.(\w+)\}", value)):
        return given[found[1]][found[2]]
    if isinstance(value, list):
        return [filled(one) for one in value]
    if isinstance(value, dict):
        return {name: filled(one) for name, one in value.items()}
    return value


def snake(name):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def kebab(name):
    return snake(name).replace("_", "-")


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    raise TypeError(type(value))


class Boto3:
    def __init__(self):
        import boto3
        from botocore.config import Config

        self.client = boto3.client("ecr", config=Config(retries={"total_max_attempts": 1}))
        self.operations = self.client.meta.service_model.operation_names

    def make(self, operation, given_input, how):
        from botocore.exceptions import ClientError, WaiterError

        if "layerPartBlob" in given_input:
            given_input["layerPartBlob"] = given_input["layerPartBlob"].encode()
        name = snake(operation)
        try:
            if how == "call":
                return getattr(self.client, name)(**given_input)
            if how == "pages":
                pages = self.client.get_paginator(name).paginate(**given_input, PaginationConfig={"PageSize": 1})
                merged = {"pages": 0}
                for page in pages:
                    merged["pages"] += 1
                    for member, value in page.items():
                        if isinstance(value, list):
                            merged.setdefault(member, []).extend(value)
                        elif member != "nextToken":
                            merged.setdefault(member, value)
                return merged
            self.client.get_waiter(snake(how)).wait(**given_input, WaiterConfig={"Delay": 1})
            return {"waited": True}
        except (ClientError, WaiterError) as error:
            response = error.response if isinstance(error, ClientError) else error.last_response
            return {"refused": response["Error"]["Code"], "message": response["Error"]["Message"]}


class CommandLine:
    """Calls what the program `aws` calls, in this process: each start of the program takes seconds."""

    def __init__(self):
        import awscli
        import awscli.clidriver

        self.driver = awscli.clidriver.create_clidriver()
        self.second = awscli.__version__.startswith("2.")
        self.operations = self.driver.session.get_service_model("ecr").operation_names

    def make(self, operation, given_input, how):
        args = ["ecr", *([kebab(operation)] if how in ("call", "pages") else ["wait", kebab(how)])]
        for name, value in given_input.items():
            args.append(f"--{kebab(name)}")
            if name == "layerPartBlob" and self.second:
                args.append(base64.b64encode(value.encode()).decode())
            elif value is not True:
                args.append(value if isinstance(value, str) else json.dumps(value))
        if how == "pages":
            args.extend(["--page-size", "1"])
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = self.driver.main([*args, "--output", "json"])
        if code == 0:
            return json.loads(out.getvalue() or "{}") if how in ("call", "pages") else {"waited": True}
        said = err.getvalue()
        found = re.search(r"An error occurred \((\w+)\).*?: (.*)", said, re.DOTALL)
        if not found:
            raise RuntimeError(f"{' '.join(args)} ended with {code}: {said}")
        return {"refused": found[1], "message": found[2].strip()}


client = Boto3() if sys.argv[1] == "boto3" else CommandLine()
answers = []
for step in json.load(sys.stdin):
    operation = step["operation"]
    if operation not in client.operations:
        answers.append({"unknown": True})
        continue
    answer = client.make(operation, filled(step["input"]), step["how"])
    answer.pop("ResponseMetadata", None)
    if "refused" not in answer and step["how"] == "call":
        given[operation] = answer
    answers.append(answer)
json.dump({"operations": list(client.operations), "answers": answers}, sys.stdout, default=plain)
