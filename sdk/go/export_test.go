package weft

// Failed runs a task without inputs that fails, for tests that are no part of this package.
func Failed(d *Dag, id string) (message string, retryable bool) {
	failure := d.find(id).attempt(nil, nil).failure
	return failure.message, failure.retryable
}
