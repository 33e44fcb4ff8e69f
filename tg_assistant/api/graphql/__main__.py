"""Prints the schema: `python -m tg_assistant.api.graphql > docs/api/schema.graphql`."""

import sys

from tg_assistant.api.graphql.schema import schema

sys.stdout.write(f"{schema.as_str()}\n")
