"""Observer and joint embedding B: they grade, and never steer or train."""
