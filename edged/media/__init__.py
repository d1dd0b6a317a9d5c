"""The media engines that carry live pictures to viewers, behind one face."""
