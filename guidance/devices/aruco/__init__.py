"""Printed markers seen by a camera: the tracker of those who have none.

The world is the camera's frame as OpenCV has it: x to the right of the picture, y down, z away from the camera.
"""
