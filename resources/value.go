package resources

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// value is what the text behind a colon says, in resources and attributes.
type value struct {
	typ    Type
	text   string // of typeText
	number float64
	ranges []Range // canonical unless some range is inverted
	items  []string
}

// typeText is TEXT: legal in attributes, a mistake in resources.
const typeText Type = 3

// parseValue reads a number, "[1-10, 20-30]", "{a, b}", or else a text.
//
// Mesos: src/common/values.cpp, parse.
func parseValue(text string) (value, error) {
	text = strings.ReplaceAll(text, " ", "")
	if text == "" {
		return value{}, fmt.Errorf("expecting non-empty string")
	}
	for _, pair := range []string{"{}", "[]", "()"} {
		if !balanced(text, pair[0], pair[1]) {
			return value{}, fmt.Errorf("mismatched brackets %s", pair)
		}
	}
	switch {
	case text[0] == '[':
		return parseRanges(text)
	case strings.Contains(text, "["):
		return value{}, fmt.Errorf("unexpected '[' found: ranges are written [1-10, 20-30]")
	case text[0] == '{':
		return value{typ: TypeSet, items: tokens(text, "{},\n")}, nil
	case strings.Contains(text, "{"):
		return value{}, fmt.Errorf("unexpected '{' found: a set is written {a, b}")
	}
	number, ok, err := parseNumber(text)
	if err != nil {
		return value{}, err
	}
	if !ok {
		return value{typ: typeText, text: text}, nil
	}
	return value{typ: TypeScalar, number: number}, nil
}

func parseRanges(text string) (value, error) {
	parts := tokens(text, "[]-,\n")
	if len(parts)%2 != 0 {
		return value{}, fmt.Errorf(`expecting one or more "ranges" such as [1-10, 20-30]`)
	}
	ranges := make([]Range, 0, len(parts)/2)
	inverted := false
	for i := 0; i < len(parts); i += 2 {
		begin, err1 := parseUint(parts[i])
		end, err2 := parseUint(parts[i+1])
		if err1 != nil || err2 != nil {
			return value{}, fmt.Errorf("expecting non-negative integers in '%s-%s'", parts[i], parts[i+1])
		}
		inverted = inverted || begin > end
		ranges = append(ranges, Range{begin, end})
	}
	if !inverted { // else validation is to see it
		ranges = NewRanges(ranges...)
	}
	return value{typ: TypeRanges, ranges: ranges}, nil
}

func tokens(text, separators string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) })
}

func parseUint(s string) (uint64, error) {
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		return strconv.ParseUint(hex, 16, 64)
	}
	return strconv.ParseUint(s, 10, 64)
}

// parseNumber says ok for finite numbers of at least zero. Others are texts, as in the reference, so
// that "cpus:-1" is of a bad type; only what is too small to be exact is an error.
func parseNumber(s string) (number float64, ok bool, err error) {
	if n, err := parseUint(s); err == nil {
		return float64(n), true, nil
	}
	if strings.ContainsAny(s, "_xXpP") { // Go's own notations
		return 0, false, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil, math.IsNaN(v), math.IsInf(v, 0), math.Signbit(v) && v != 0:
		return 0, false, nil
	case v > 0 && v < 0x1p-1022:
		return 0, false, fmt.Errorf("number '%s' is too small", s)
	}
	return v, true, nil
}

// parseScalar reads an amount of at least zero.
func parseScalar(s string) (Scalar, error) {
	number, ok, err := parseNumber(s)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, fmt.Errorf("'%s' is not a number of at least 0", s)
	}
	return checkedScalar(number)
}

func balanced(s string, open, closing byte) bool {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case open:
			depth++
		case closing:
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return depth == 0
}
