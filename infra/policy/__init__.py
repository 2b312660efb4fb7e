"""What may be declared and who may do it: rules over the AWS program, as data and plain functions."""
