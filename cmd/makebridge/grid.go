package main

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// grid aligns rows of cells in columns. Where it would be too wide it shortens
// the texts in some of them, and leaves out others.
type grid struct {
	columns []gridColumn
	rows    [][]gridCell
}

type gridColumn struct {
	title string
	// right has the cells end below each other, as numbers do.
	right bool
	// least is how short texts may become, 0 if they may not.
	least int
	// spare columns are left out where there is no room, the last one first.
	spare bool
}

type gridCell struct {
	text   string
	colour int // 0 is none
}

func (g *grid) add(cells ...gridCell) { g.rows = append(g.rows, cells) }

// lines are the header and a line for each row, at most so wide if that can be
// had; width 0 is no limit. Where it would be wider, the columns move closer
// together, then those shrink that may, the widest first, and then those go that
// can be spared.
func (g *grid) lines(width int, paint func(colour int, text string) string) []string {
	widths, gap, fits := g.widths(width)
	if i := g.spare(); !fits && i >= 0 {
		return g.without(i).lines(width, paint)
	}
	header := make([]gridCell, len(g.columns))
	for i, c := range g.columns {
		header[i] = gridCell{c.title, dim}
	}
	lines := []string{g.line(header, widths, gap, paint)}
	for _, row := range g.rows {
		lines = append(lines, g.line(row, widths, gap, paint))
	}
	return lines
}

// spare is the column that goes next, -1 if none may.
func (g *grid) spare() int {
	for i, c := range slices.Backward(g.columns) {
		if c.spare {
			return i
		}
	}
	return -1
}

func (g *grid) without(column int) *grid {
	rest := &grid{columns: slices.Delete(slices.Clone(g.columns), column, column+1)}
	for _, row := range g.rows {
		rest.add(slices.Delete(slices.Clone(row), column, column+1)...)
	}
	return rest
}

func (g *grid) widths(width int) (widths []int, gap int, fits bool) {
	widths, gap = make([]int, len(g.columns)), 2
	total := gap * (len(g.columns) - 1)
	for i, c := range g.columns {
		widths[i] = len(c.title)
		for _, row := range g.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
		total += widths[i]
	}
	if width > 0 && total > width {
		gap, total = 1, total-(len(g.columns)-1)
	}
	for ; width > 0 && total > width; total-- {
		widest := -1
		for i, c := range g.columns {
			if c.least > 0 && widths[i] > max(c.least, len(c.title)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths, gap, width == 0 || total <= width
}

func (g *grid) line(cells []gridCell, widths []int, gap int, paint func(int, string) string) string {
	var line strings.Builder
	for i, c := range cells {
		if i > 0 {
			line.WriteString(strings.Repeat(" ", gap))
		}
		text := shorten(c.text, widths[i])
		space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		if c.colour != 0 {
			text = paint(c.colour, text)
		}
		switch {
		case g.columns[i].right:
			line.WriteString(space + text)
		case i < len(cells)-1:
			line.WriteString(text + space)
		default:
			line.WriteString(text)
		}
	}
	return line.String()
}

// shorten cuts a text in its middle: the ends tell names apart, and the last
// seven characters of a fingerprint are what is its own.
func shorten(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	const tail = len("#3fa9c1")
	end := min(tail, max(0, width-2))
	return string(runes[:width-1-end]) + "…" + string(runes[len(runes)-end:])
}
