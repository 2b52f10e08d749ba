// Command mutants plants one bug after the other into the purchase saga and demands that
// the simulator finds each. The files on disk are not touched: a bug is an overlay of the
// build. It is run from the module's root and exits 1 if a bug survives.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
)

// seeds is how many histories a bug has time to show in, from the first seed on.
const seeds = "4000"

func main() {
	survived := 0
	for _, planted := range mutants {
		verdict, err := planted.hunt()
		if err != nil {
			fmt.Fprintf(os.Stderr, "mutants: %s: %v\n", planted.name, err)
			os.Exit(2)
		}
		if verdict == "" {
			survived++
			verdict = "SURVIVED"
		}
		fmt.Printf("%-56s %s\n", planted.name, verdict)
	}
	fmt.Printf("%d bugs planted, %d survived\n", len(mutants), survived)
	if survived > 0 {
		os.Exit(1)
	}
}

// hunt builds the simulator with the bug in it and plays. It returns what the simulator
// found, empty if that is nothing.
func (m mutant) hunt() (string, error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	found, err := m.play(dir)
	return found, errors.Join(err, os.RemoveAll(dir))
}

func (m mutant) play(dir string) (string, error) {
	overlay, err := m.plant(dir)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "simulate")
	build := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./sagas/simulation/simulate") // #nosec G204 -- paths of our own
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, said)
	}
	said, err := exec.Command(binary, "-seed", "1", "-seeds", seeds, "-shrink", "0s").Output() // #nosec G204 -- likewise
	var exit *exec.ExitError
	if err == nil {
		return "", nil
	}
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		return "", fmt.Errorf("simulate: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	_, verdict, broken := strings.Cut(lines[len(lines)-1], "BROKEN by ")
	if !broken {
		return "", fmt.Errorf("simulate said %q", lines[len(lines)-1])
	}
	return verdict, nil
}

// plant writes the wrong file and the overlay that puts it in the place of the right one.
func (m mutant) plant(dir string) (overlay string, err error) {
	right, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(right) // #nosec G304 -- a file of the module
	if err != nil {
		return "", err
	}
	if times := bytes.Count(text, []byte(m.old)); times != 1 {
		return "", fmt.Errorf("%s holds the text to be replaced %d times", m.file, times)
	}
	wrong, overlay := filepath.Join(dir, "wrong.go"), filepath.Join(dir, "overlay.json")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {right: wrong}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(
		os.WriteFile(wrong, bytes.Replace(text, []byte(m.old), []byte(m.wrong), 1), 0o600), // #nosec G703 -- a directory just made
		os.WriteFile(overlay, replaced, 0o600),
	)
}
