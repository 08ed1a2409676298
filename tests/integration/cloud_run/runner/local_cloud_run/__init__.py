"""Runs what a Terraform state says of a Cloud Run service here, under the contract that Cloud Run has.

Not shown by it: throttled processors between requests, scaling in, gVisor, HTTP/2, Google's own latency and
its real identity checks. `planned` reads the state, `cloud` is the control plane, `front` the front end, and
`process` and `container` are the two ways to run an instance.
"""
