package desim

// Run plays one configuration. The error wraps ErrConfig if that makes no sense.
// It is safe to call from several goroutines; each run is serial.
func Run(cfg Config) (Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Result{}, err
	}
	s, err := newSimulation(&cfg)
	if err != nil {
		return Result{}, err
	}
	s.run()
	return s.result(), nil
}
