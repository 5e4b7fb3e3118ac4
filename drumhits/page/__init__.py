"""What pages have in common: the picture of a song, to scroll, to zoom and to hear, as files of JavaScript and CSS."""
