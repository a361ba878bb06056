"""Holds CloudFormation templates, and JSON documents, against their schemas, with cfn-lint's own code.

    lint.py lint TEMPLATE...          every finding of cfn-lint, warnings too
    lint.py json TEMPLATE             the template as JSON, with each intrinsic in its long form
    lint.py schema SCHEMA DOCUMENT... where the documents differ from the JSON schema

Prints one JSON value. Lists hold sentences, and an empty one is good news. It changes no file.
"""

import json
import sys
from pathlib import Path

from cfnlint.api import lint_file
from cfnlint.decode import decode
from cfnlint.jsonschema import StandardValidator


def lint(*templates):
    return [
        f"{Path(match.filename).name}:{match.linenumber}: {match.rule.id} {match.message}"
        for template in templates
        for match in lint_file(Path(template))
    ]


def as_json(template):
    decoded, problems = decode(template)
    if problems:
        sys.exit(f"{template}: {problems[0]}")
    return decoded


def schema(of, *documents):
    validator = StandardValidator(json.loads(Path(of).read_text()))
    return [
        f"{Path(document).name}: {'.'.join(map(str, problem.path)) or 'the whole'}: {problem.message}"
        for document in documents
        for problem in validator.iter_errors(json.loads(Path(document).read_text()))
    ]


def main():
    asked, *files = sys.argv[1:]
    print(json.dumps({"lint": lint, "json": as_json, "schema": schema}[asked](*files)))


main()
