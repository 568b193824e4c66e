//go:build unix

// Package indextest starts a PostgreSQL for tests: a cluster of its own in a temporary folder,
// never one of the system.
package indextest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// NeedVariable is the variable that makes a machine without PostgreSQL fail tests instead of
// skipping them.
const NeedVariable = "SCRIP_NEED_POSTGRES"

// startTimeout bounds the start of a cluster.
const startTimeout = 30 * time.Second

// Cluster is a running PostgreSQL. It is safe for concurrent use.
type Cluster struct {
	dir       string
	process   *exec.Cmd
	databases atomic.Int64
}

// Programs returns the folder of PostgreSQL's programs, or why there is none.
func Programs() (string, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for i := len(folders) - 1; i >= 0; i-- {
		if _, err := os.Stat(filepath.Join(folders[i], "initdb")); err == nil {
			return folders[i], nil
		}
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("PostgreSQL is not on this machine: index/install.sh installs it")
	}
	return filepath.Dir(path), nil
}

// Start makes a cluster and starts it; Stop ends and removes it. PostgreSQL refuses to run as
// root: then it runs as the user that its package has made.
func Start() (*Cluster, error) {
	bin, err := Programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "scrip-pg-")
	if err != nil {
		return nil, err
	}
	as := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	c := &Cluster{dir: dir}
	run := func(name string, args ...string) *exec.Cmd {
		p := exec.Command(filepath.Join(bin, name), args...)
		p.Dir, p.SysProcAttr, p.Env = dir, as, append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
		return p
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D", data).
		CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	c.process = run("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
		"full_page_writes=off", "-c", "max_wal_size=4GB")
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), c.URL("postgres"))
		if err == nil {
			return c, conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			c.Stop()
			return nil, err
		}
	}
}

// URL returns the connection string of a database.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=%s", c.dir, database)
}

// Database makes an empty database and returns its connection string.
func (c *Cluster) Database(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return "", fmt.Errorf("connect to the test's database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	name := fmt.Sprintf("test%d", c.databases.Add(1))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	return c.URL(name), nil
}

// Stop ends the cluster and removes its folder.
func (c *Cluster) Stop() {
	_ = c.process.Process.Signal(syscall.SIGINT) // a fast end
	_ = c.process.Wait()
	_ = os.RemoveAll(c.dir)
}
