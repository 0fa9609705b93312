"""Prints what is wrong with an OpenAPI 3.1 document, and with samples of what it describes."""

import json
import sys

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator

document, samples = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])


def faults(schema, value):
    # References lead into the document.
    schema = {**schema, "components": document["components"]}
    validator = OAS31Validator(schema, format_checker=oas31_format_checker)
    return [error.message for error in validator.iter_errors(value)]


for error in OpenAPIV31SpecValidator(document).iter_errors():
    print("document:", list(error.absolute_path), error.message)

for schema in document["components"]["schemas"].values():
    OAS31Validator.check_schema(schema)

shared = document["components"]["parameters"].values()
operations = [operation for path in document["paths"].values() for operation in path.values()]
own = [one for operation in operations for one in operation["parameters"] if "$ref" not in one]
for parameter in [*shared, *own]:
    OAS31Validator.check_schema(parameter["schema"])
    for fault in faults(parameter["schema"], parameter["example"]) if "example" in parameter else []:
        print("example:", parameter["name"], fault)

for schema, value, is_one in samples:
    found = faults({"$ref": f"#/components/schemas/{schema}"}, value)
    if bool(found) == is_one:
        print("sample:", schema, value, found)
