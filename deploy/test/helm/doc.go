// Package helm tests deploy/helm: the chart is linted and rendered for each of
// the examples, what comes out is decoded as strictly as Kubernetes would, and
// compared with what the program knows.
package helm
