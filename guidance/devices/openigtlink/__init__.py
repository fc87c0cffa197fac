"""OpenIGTLink, versions 1 to 3: the language of trackers and of 3D Slicer. No transport here, bytes and time alone.

Protocol: openigtlink.org; lengths of fields as in the reference library's C headers where its documents differ.
"""
