package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed cli
var texts embed.FS

// page returns the page of the command line in Markdown.
func page(root *cobra.Command) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("<!-- Written by \"make docs\" from cmd/tfkeep/internal/command and its internal/gendocs/cli. -->\n\n")
	intro, err := texts.ReadFile("cli/intro.md")
	if err != nil {
		return nil, err
	}
	b.Write(intro)
	fmt.Fprintf(&b, "\n```text\n%s\n```\n\n", root.Long)
	b.WriteString("| verb | |\n|---|---|\n")
	for _, verb := range verbs(root) {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", verb.Name(), anchor(verb), verb.Short)
	}
	for _, verb := range verbs(root) {
		if err := section(&b, verb, 2); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// verbs returns the visible verbs of a command.
func verbs(c *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, verb := range c.Commands() {
		if verb.IsAvailableCommand() && !verb.IsAdditionalHelpTopicCommand() {
			list = append(list, verb)
		}
	}
	return list
}

// section writes the section of a verb, and those of the verbs below it one level down.
func section(b *bytes.Buffer, c *cobra.Command, level int) error {
	fmt.Fprintf(b, "\n%s %s\n\n", strings.Repeat("#", level), c.CommandPath())
	about := c.Long
	if about == "" {
		about = c.Short + "."
	}
	fmt.Fprintf(b, "```text\n%s\n```\n", strings.TrimSpace(about))
	if c.Runnable() && !c.HasAvailableSubCommands() {
		fmt.Fprintf(b, "\n```text\nUsage: %s\n", c.UseLine())
		if flags := c.NonInheritedFlags().FlagUsagesWrapped(88); flags != "" {
			fmt.Fprintf(b, "\n%s", strings.TrimRight(flags, "\n")+"\n")
		}
		b.WriteString("```\n")
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", dedent(c.Example))
	}
	more, err := texts.ReadFile("cli/" + strings.ReplaceAll(anchor(c), "tfkeep-", "") + ".md")
	switch {
	case err == nil:
		b.WriteString("\n")
		b.Write(more)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for _, sub := range verbs(c) {
		if err := section(b, sub, level+1); err != nil {
			return err
		}
	}
	return nil
}

// anchor returns the anchor of a verb's heading: "tfkeep-graph-draw".
func anchor(c *cobra.Command) string {
	return strings.ReplaceAll(c.CommandPath(), " ", "-")
}

// dedent removes the two spaces before each line of an example.
func dedent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}

// escapeMarkdown prepares all help texts, which are plain text, for cobra's manual pages,
// which parse them as Markdown.
func escapeMarkdown(c *cobra.Command) {
	c.Long = markdown(c.Long)
	for _, sub := range c.Commands() {
		escapeMarkdown(sub)
	}
}

// markdown turns plain text into Markdown: indented lines become code, and characters that
// have a meaning in Markdown are escaped.
func markdown(text string) string {
	lines := strings.Split(text, "\n")
	indented := false
	var out []string
	for _, line := range lines {
		was := indented
		if indented = strings.HasPrefix(line, "  "); indented {
			if !was {
				out = append(out, "")
			}
			out = append(out, "  "+line)
			continue
		}
		if was && line != "" {
			out = append(out, "")
		}
		out = append(out, strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`).Replace(line))
	}
	return strings.Join(out, "\n")
}
