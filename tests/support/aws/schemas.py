"""What AWS documents of some of its JSON documents, as JSON Schemas."""

DASHBOARD = {
    "type": "object",
    "required": ["widgets"],
    "additionalProperties": False,
    "properties": {
        "start": {"type": "string"},
        "end": {"type": "string"},
        "periodOverride": {"enum": ["auto", "inherit"]},
        "widgets": {
            "type": "array",
            "maxItems": 500,
            "items": {
                "type": "object",
                "required": ["type", "properties"],
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": ["alarm", "explorer", "log", "metric", "text"]},
                    "x": {"type": "integer", "minimum": 0, "maximum": 23},
                    "y": {"type": "integer", "minimum": 0},
                    "width": {"type": "integer", "minimum": 1, "maximum": 24},
                    "height": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "properties": {"type": "object"},
                },
                "allOf": [
                    {
                        "if": {"properties": {"type": {"const": kind}}},
                        "then": {"properties": {"properties": {"required": needed}}},
                    }
                    for kind, needed in {
                        "alarm": ["alarms"],
                        "log": ["query", "region"],
                        "metric": ["metrics", "region"],
                        "text": ["markdown"],
                    }.items()
                ],
            },
        },
    },
}
"""A CloudWatch dashboard's body, as its reference describes it."""

_AGED = {"required": ["countUnit"], "properties": {"countType": {"enum": ["sinceImagePushed", "sinceImagePulled"]}}}
LIFECYCLE = {
    "type": "object",
    "required": ["rules"],
    "additionalProperties": False,
    "properties": {
        "rules": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "type": "object",
                "required": ["rulePriority", "selection", "action"],
                "additionalProperties": False,
                "properties": {
                    "rulePriority": {"type": "integer", "minimum": 1},
                    "description": {"type": "string"},
                    "action": {"type": "object", "required": ["type"], "properties": {"type": {"const": "expire"}}},
                    "selection": {
                        "type": "object",
                        "required": ["tagStatus", "countType", "countNumber"],
                        "additionalProperties": False,
                        "properties": {
                            "tagStatus": {"enum": ["tagged", "untagged", "any"]},
                            "tagPrefixList": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                            "tagPatternList": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                            "countType": {"enum": ["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled"]},
                            "countNumber": {"type": "integer", "minimum": 1},
                            "countUnit": {"const": "days"},
                        },
                        "oneOf": [_AGED, {"properties": {"countType": {"const": "imageCountMoreThan"}}}],
                        "if": {"properties": {"tagStatus": {"const": "tagged"}}},
                        "then": {"anyOf": [{"required": ["tagPrefixList"]}, {"required": ["tagPatternList"]}]},
                    },
                },
            },
        }
    },
}
"""An ECR lifecycle policy, as its reference describes it."""

PATTERN = {"type": "object", "minProperties": 1, "additionalProperties": {"type": ["array", "object"]}}
"""An EventBridge pattern: every leaf is a list."""
