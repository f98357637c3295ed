package config

import "strings"

// envOpen begins a variable: "${env:NAME}". "$${env:" stands for the text itself.
const envOpen = "${env:"

// substitute replaces the variables in s. unset is the name of the first one
// that has no value; a malformed reference counts as one.
func substitute(s string, env func(string) (string, bool)) (out, unset string) {
	if !strings.Contains(s, envOpen) {
		return s, ""
	}
	var b strings.Builder
	for {
		i := strings.Index(s, envOpen)
		if i < 0 {
			b.WriteString(s)
			return b.String(), ""
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + envOpen)
			s = s[i+len(envOpen):]
			continue
		}
		name, rest, closed := strings.Cut(s[i+len(envOpen):], "}")
		if !closed || name == "" {
			return "", s[i:]
		}
		value, ok := env(name)
		if !ok {
			return "", name
		}
		b.WriteString(s[:i] + value)
		s = rest
	}
}

// variable returns the name if s is nothing but one variable.
func variable(s string) (string, bool) {
	name, ok := strings.CutPrefix(s, envOpen)
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, "}")
	return name, ok && name != "" && !strings.ContainsAny(name, "${}")
}
