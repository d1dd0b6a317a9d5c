"""A proxy of this box between the viewers and us: it serves media past us, and asks us who may have it."""
