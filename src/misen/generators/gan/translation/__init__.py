"""From maps to pictures: networks that are told where things are, by concatenation, by SPADE or by correspondence."""
