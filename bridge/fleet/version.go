package fleet

import (
	"regexp"
	"strings"
)

var (
	// semver is the form that the service protocol asks of a version (SemVer
	// 2.0.0, §2, §9 and §10).
	semver = regexp.MustCompile(`^` + number + `\.` + number + `\.` + number +
		`(-` + pre + `(\.` + pre + `)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)
	notInBuild = regexp.MustCompile(`[^0-9A-Za-z-]+`)
)

const (
	number = `(0|[1-9]\d*)`
	pre    = `(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)`
)

// semantic is a version in SemVer's form: without the v of a Go module's, and
// what is no such version, (devel) or a branch's name, as the build of 0.0.0.
func semantic(version string) string {
	if bare := strings.TrimPrefix(version, "v"); semver.MatchString(bare) {
		return bare
	}
	if build := strings.Trim(notInBuild.ReplaceAllString(version, "-"), "-"); build != "" {
		return "0.0.0+" + build
	}
	return "0.0.0"
}
