package cometbft

import (
	"context"
	"log/slog"

	"github.com/cometbft/cometbft/libs/log"
)

// logger gives CometBFT's messages to a slog.Logger, a level lower than CometBFT puts
// them: it tells of every block, and calls a peer's end an error.
type logger struct {
	to *slog.Logger
	// ended is called if CometBFT says that its consensus has failed. It goes on
	// without it, and says so in no other way.
	ended func()
}

// consensusFailed is CometBFT's message for the end of its consensus.
const consensusFailed = "CONSENSUS FAILURE!!!"

func newLogger(to *slog.Logger, ended func()) log.Logger {
	return &logger{to: to.With("component", "cometbft"), ended: ended}
}

func (l *logger) log(level slog.Level, message string, keyvals []any) {
	if !l.to.Enabled(context.Background(), level) {
		return
	}
	l.to.Log(context.Background(), level, message, keyvals...)
}

// Debug implements log.Logger. Nobody wants these.
func (l *logger) Debug(string, ...any) {}

// Info implements log.Logger.
func (l *logger) Info(message string, keyvals ...any) { l.log(slog.LevelDebug, message, keyvals) }

// Warn implements log.Logger.
func (l *logger) Warn(message string, keyvals ...any) { l.log(slog.LevelInfo, message, keyvals) }

// Error implements log.Logger.
func (l *logger) Error(message string, keyvals ...any) {
	if message == consensusFailed {
		l.log(slog.LevelError, message, keyvals)
		l.ended()
		return
	}
	l.log(slog.LevelInfo, message, keyvals)
}

// With implements log.Logger.
func (l *logger) With(keyvals ...any) log.Logger {
	return &logger{to: l.to.With(keyvals...), ended: l.ended}
}
