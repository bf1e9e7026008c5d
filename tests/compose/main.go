// Loads a compose file as Docker Compose does, strictly and with its variables filled in and all of its profiles, and parses each inline
// Dockerfile as BuildKit does. Prints what they came to as JSON; ends with status 1 and a line for what is wrong.
//
// Usage: load FILE  (variables come from the environment)
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

type instruction struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type stage struct {
	Base         string        `json:"base"`
	Name         string        `json:"name"`
	Instructions []instruction `json:"instructions"`
}

func load(path string) (any, error) {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithOsEnv, cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	dockerfiles := map[string][]stage{}
	for name, service := range project.Services {
		if service.Build != nil && service.Build.DockerfileInline != "" {
			if dockerfiles[name], err = parse(service.Build.DockerfileInline); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return map[string]any{"project": project, "dockerfiles": dockerfiles}, nil
}

func parse(text string) ([]stage, error) {
	result, err := parser.Parse(bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, err
	}
	for _, warning := range result.Warnings {
		return nil, fmt.Errorf("Dockerfile: %s", warning.Short)
	}
	parsed, _, err := instructions.Parse(result.AST, linter.New(&linter.Config{}))
	if err != nil {
		return nil, err
	}
	stages := []stage{}
	for _, one := range parsed {
		found := stage{Base: one.BaseName, Name: one.Name}
		for _, command := range one.Commands {
			found.Instructions = append(found.Instructions, instruction{command.Name(), fmt.Sprint(command)})
		}
		stages = append(stages, found)
	}
	return stages, nil
}

func main() {
	result, err := load(os.Args[1])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
