// Package container tests deploy/Dockerfile and deploy/compose.yaml: both are
// read by the libraries that Docker reads them with, and compared with the
// program.
package container
