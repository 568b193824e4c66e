// Package chart draws figures as SVG: lines with intervals, bars, and maps of
// cells. A figure has no scripts, its texts stay text, and what it shows can be
// had as a table. The same figure always gives the same bytes.
//
// Series are told apart by colour and by the form of their marks, never by colour
// alone. Colours come from classes: File adds a light palette for papers, and a
// page that holds figures brings its own, with the rules of Style.
package chart
