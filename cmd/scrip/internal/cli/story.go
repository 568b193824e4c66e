package cli

import "context"

func (a *App) runStory(ctx context.Context, o demoOptions) error { return nil }
