//! What goes around any adapter: deadlines, and counts. Decorators of the ports; wiring puts them on.
