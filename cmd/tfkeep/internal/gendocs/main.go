// Command gendocs writes the documentation of the command tfkeep from its help texts:
//
//	go run ./cmd/tfkeep/internal/gendocs -cli docs/cli.md              the page of the manual
//	go run ./cmd/tfkeep/internal/gendocs -check -cli docs/cli.md       fail unless the page is up to date
//	go run ./cmd/tfkeep/internal/gendocs -man DIR -completions DIR     manual pages, shell completions
//
// The page begins with cli/intro.md of this folder, and the section of a verb ends with
// cli/VERB.md if that exists: sample output, for example. The manual pages have the date
// of SOURCE_DATE_EPOCH if that is set.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command"
)

func main() {
	cli := flag.String("cli", "", "the `FILE` of the command line's page")
	check := flag.Bool("check", false, "compare FILE with what would be written, and write nothing")
	man := flag.String("man", "", "a `DIR` for manual pages")
	completions := flag.String("completions", "", "a `DIR` for the completions of shells")
	flag.Parse()
	if err := run(*cli, *check, *man, *completions); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func run(cli string, check bool, man, completions string) error {
	if cli == "" && man == "" && completions == "" || check && cli == "" {
		return errors.New("nothing to do; see -help")
	}
	root := command.Root()
	if cli != "" {
		if err := writePage(root, cli, check); err != nil {
			return err
		}
	}
	if check {
		return nil
	}
	if man != "" {
		if err := writeManPages(root, man); err != nil {
			return err
		}
	}
	if completions != "" {
		return writeCompletions(root, completions)
	}
	return nil
}

func writePage(root *cobra.Command, file string, check bool) error {
	text, err := page(root)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(file, text, 0o644)
	}
	have, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, text) {
		return fmt.Errorf("%s is out of date: run \"go run ./cmd/tfkeep/internal/gendocs -cli %s\"", file, file)
	}
	return nil
}

func writeManPages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	escapeMarkdown(root)
	root.DisableAutoGenTag = true
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "tfkeep", Manual: "tfkeep"}, dir)
}

func writeCompletions(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, c := range []struct {
		name  string
		write func(file string) error
	}{
		{"tfkeep.bash", func(file string) error { return root.GenBashCompletionFileV2(file, true) }},
		{"_tfkeep", root.GenZshCompletionFile},
		{"tfkeep.fish", func(file string) error { return root.GenFishCompletionFile(file, true) }},
		{"tfkeep.ps1", root.GenPowerShellCompletionFileWithDesc},
	} {
		if err := c.write(filepath.Join(dir, c.name)); err != nil {
			return err
		}
	}
	return nil
}
