// Package systemd tests deploy/systemd: that the unit says what the program
// needs, and allows it nothing else.
package systemd
