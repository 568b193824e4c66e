package desim

import "errors"

// Run plays one configuration. The error wraps ErrConfig if that makes no sense.
// It is safe to call from several goroutines; each run is serial.
func Run(cfg Config) (Result, error) {
	if _, err := cfg.withDefaults(); err != nil {
		return Result{}, err
	}
	return Result{}, errors.New("desim: the loop is not here yet")
}
