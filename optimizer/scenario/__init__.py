"""From YAML files to one frozen, validated `Scenario`, with every problem at its file and line."""
