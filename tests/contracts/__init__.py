"""What every implementation of an interface must do: one suite, run on the fake and on the real one."""
