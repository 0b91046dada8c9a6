package config

import (
	"cmp"
	"errors"
	"reflect"
	"strconv"
	"time"

	"github.com/caarlos0/env/v10"
)

// setting is a field that a variable is read into.
type setting struct {
	field reflect.StructField
	// key is the variable's name, or what follows the prefix of a route.
	key string
}

// settings lists those of a group, a pointer to a struct, in their order.
func settings(group any) []setting {
	var list []setting
	for _, f := range reflect.VisibleFields(reflect.TypeOf(group).Elem()) {
		if key := f.Tag.Get("env"); key != "" {
			list = append(list, setting{f, key})
		}
	}
	return list
}

// fill reads the variables of a group, whose names begin with prefix. A field
// whose variable is unset and has no default keeps the value that it has.
func fill(group any, prefix string, e environment, found *problems) {
	list := settings(group)
	// The library sees the group's own variables and no others: it would look
	// up the empty name for fields that have none.
	values := map[string]string{}
	for _, s := range list {
		switch {
		case e.isSet(prefix + s.key):
			values[s.key] = e.get(prefix + s.key)
		case e.isEmpty(prefix + s.key):
			values[s.key] = s.field.Tag.Get("empty")
		}
	}
	faults := faultsByField(env.ParseWithOptions(group, env.Options{Environment: values, FuncMap: parsers()}))
	for _, s := range list {
		message, bad := faults[s.field.Name]
		if !bad && values[s.key] != "" {
			message = outOfRange(reflect.ValueOf(group).Elem().FieldByIndex(s.field.Index).Interface(), s.field.Tag)
		}
		if message != "" {
			found.add(prefix+s.key, message)
		}
	}
}

// faultsByField says what was wrong with which field of the struct that was
// parsed. It drops what the library's errors say themselves: they quote values.
func faultsByField(err error) map[string]string {
	faults := map[string]string{}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return faults
	}
	for _, one := range all.Errors {
		var parse env.ParseError
		if errors.As(one, &parse) {
			faults[parse.Name] = faultOf(parse.Err, "is not valid")
		}
	}
	return faults
}

// outOfRange compares a value, or each value of a list, with the bounds of its
// tags.
func outOfRange(value any, tag reflect.StructTag) string {
	switch v := value.(type) {
	case int:
		return outside(v, tag, strconv.Atoi)
	case time.Duration:
		return outside(v, tag, time.ParseDuration)
	case []time.Duration:
		for i, d := range v {
			if message := outside(d, tag, time.ParseDuration); message != "" {
				return "item " + strconv.Itoa(i+1) + " " + message
			}
		}
	}
	return ""
}

func outside[T cmp.Ordered](v T, tag reflect.StructTag, parse func(string) (T, error)) string {
	if low, err := parse(tag.Get("min")); err == nil && v < low {
		return "must be at least " + tag.Get("min")
	}
	if high, err := parse(tag.Get("max")); err == nil && v > high {
		return "must be at most " + tag.Get("max")
	}
	return ""
}
