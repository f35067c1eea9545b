package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Execute runs a command with the program's arguments and environment, and ends the program: with
// status 0, with 1 and an error on standard error, or with what an [Exit] says.
func Execute(cmd *cobra.Command) {
	args, err := Arguments(cmd.Flags(), os.Args[1:], os.Environ())
	if err == nil {
		cmd.SetArgs(args)
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		err = cmd.Execute()
	}
	if exit, ok := err.(Exit); ok {
		os.Exit(int(exit))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\nRun it with --help to see all flags.\n", cmd.Name(), err)
		os.Exit(1)
	}
}

// Exit is an error that ends the program with a status, silently.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Arguments translates the command line to what package pflag understands, and adds the flags that only
// the environment sets.
func Arguments(flags *pflag.FlagSet, args, environment []string) ([]string, error) {
	var out []string
	given := map[string]bool{}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" || !strings.HasPrefix(arg, "-") || arg == "-h" || arg == "--help" {
			out = append(out, arg)
			if arg == "--" {
				out = append(out, args[i+1:]...)
				break
			}
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		name = strings.ToLower(name)
		f := flags.Lookup(name)
		if positive, ok := strings.CutPrefix(name, "no-"); f == nil && ok && !hasValue {
			if p := flags.Lookup(positive); p != nil && p.Value.Type() == "bool" {
				f, value, hasValue = p, "false", true
			}
		}
		if f == nil {
			return nil, fmt.Errorf("unknown flag --%s", name)
		}
		switch {
		case hasValue:
		case f.Value.Type() == "bool":
			value = "true"
		case i+1 < len(args):
			i++
			value = args[i]
		default:
			return nil, fmt.Errorf("flag --%s needs a value: --%s=…", f.Name, f.Name)
		}
		if given[f.Name] {
			return nil, fmt.Errorf("flag --%s is given twice", f.Name)
		}
		given[f.Name] = true
		value, err := contents(f, value)
		if err != nil {
			return nil, fmt.Errorf("flag --%s: %w", f.Name, err)
		}
		out = append(out, "--"+f.Name+"="+value)
	}
	fromEnvironment, err := missing(flags, given, environment)
	return append(fromEnvironment, out...), err
}

// missing are the flags that the command line does not set and the environment does.
func missing(flags *pflag.FlagSet, given map[string]bool, environment []string) (out []string, err error) {
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		name, ok := strings.CutPrefix(name, "MESOS_")
		if !ok {
			continue
		}
		f := flags.Lookup(strings.ToLower(name))
		if f == nil || given[f.Name] {
			continue // unknown ones are for other programs
		}
		if value, err = contents(f, value); err != nil {
			return nil, fmt.Errorf("environment variable MESOS_%s: %w", name, err)
		}
		out = append(out, "--"+f.Name+"="+value)
	}
	return out, nil
}

// contents replaces a file URI by what the file holds.
func contents(f *pflag.Flag, value string) (string, error) {
	path, ok := strings.CutPrefix(value, "file://")
	if !ok || f.Value.Type() == "path" {
		return value, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}

// Duration is a flag in Mesos' form: a number and one of ns, us, ms, secs, mins, hrs, days, weeks. Go's
// form, such as 1m30s, is understood as well.
type Duration time.Duration

var units = []struct {
	name string
	size time.Duration
}{
	{"weeks", 7 * 24 * time.Hour}, {"days", 24 * time.Hour}, {"hrs", time.Hour}, {"mins", time.Minute},
	{"secs", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1},
}

// Set reads the flag.
func (d *Duration) Set(text string) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		if n, err := strconv.ParseFloat(number, 64); err == nil {
			ns := n * float64(u.size)
			if ns > 1<<62 || ns < -1<<62 {
				return fmt.Errorf("%q is too long", text)
			}
			*d = Duration(ns)
			return nil
		}
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no duration; write for example 10secs, 5mins or 1hrs", text)
	}
	*d = Duration(v)
	return nil
}

// String is the duration in the largest unit that makes it a whole number.
func (d *Duration) String() string {
	if *d == 0 {
		return "0ns"
	}
	for _, u := range units {
		if time.Duration(*d)%u.size == 0 {
			return strconv.FormatInt(int64(time.Duration(*d)/u.size), 10) + u.name
		}
	}
	return time.Duration(*d).String()
}

// Type names the form, for --help.
func (d *Duration) Type() string { return "duration" }

// DurationFlag adds a flag.
func DurationFlag(flags *pflag.FlagSet, name string, value time.Duration, usage string) *time.Duration {
	d := Duration(value)
	flags.Var(&d, name, usage)
	return (*time.Duration)(&d)
}
