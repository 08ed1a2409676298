"""One scoring pipeline on AWS Lambda, behind API Gateway."""
