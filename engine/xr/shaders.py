"""The shading programs. Light is linear everywhere; the last pass or the image's own format encodes it."""

from __future__ import annotations

#: Structures, lit from the eyes, so that no form hides in a shadow of its own; cut open by a plane.
SURFACE_VERTEX = """
#version 330
uniform mat4 clip_from_world;
uniform mat4 world_from_model;
uniform vec4 cut;
uniform vec4 paint;
uniform float pattern;
in vec3 position;
in vec3 direction;
out vec3 world;
out vec3 normal;
out vec4 painted;
out vec3 place_mm;
out vec3 way;
flat out float marks;
void main() {
  vec4 at = world_from_model * vec4(position, 1.0);
  place_mm = 1000.0 * position;
  way = direction;
  marks = pattern;
  world = at.xyz;
  normal = mat3(world_from_model) * direction;
  painted = paint;
  gl_ClipDistance[0] = dot(cut, at);
  gl_Position = clip_from_world * at;
}
"""

#: Tools, hands and rays: many balls and cylinders at once, each with its own place and colour.
SHAPE_VERTEX = """
#version 330
uniform mat4 clip_from_world;
in vec3 position;
in vec3 direction;
in mat4 world_from_shape;
in vec4 paint;
in float pattern;
out vec3 world;
out vec3 normal;
out vec4 painted;
out vec3 place_mm;
out vec3 way;
flat out float marks;
void main() {
  vec4 at = world_from_shape * vec4(position, 1.0);
  vec3 size = vec3(length(world_from_shape[0]), length(world_from_shape[1]), length(world_from_shape[2]));
  // Along a rod is up, so that its marks follow one another.
  place_mm = (1000.0 * position * size).xzy;
  way = direction.xzy;
  marks = pattern;
  world = at.xyz;
  normal = mat3(world_from_shape) * direction;
  painted = paint;
  gl_ClipDistance[0] = 1.0;
  gl_Position = clip_from_world * at;
}
"""

#: Solid: matt, a soft highlight, a quiet rim. A shell gathers at its rim. Outlined, for displays that only add light:
#: bright where the form turns away, nearly nothing where it faces the eyes.
#: Marks (lines, dashes, dots) stand on the surface in the patient's own millimetres. Near a tip it thins out.
SURFACE_FRAGMENT = """
#version 330
uniform vec3 eye;
uniform float shell;
uniform float outlined;
uniform float between;
uniform vec4 tips[4];
in vec3 world;
in vec3 normal;
in vec4 painted;
in vec3 place_mm;
in vec3 way;
flat in float marks;
out vec4 light;
const float EVERY = 5.0;
float marked() {
  if (marks < 0.5) return 1.0;
  vec3 steep = abs(way);
  vec2 at = steep.x > max(steep.y, steep.z) ? place_mm.zy : steep.y > steep.z ? place_mm.xz : place_mm.xy;
  vec2 blur = max(fwidth(at), vec2(1e-4));
  vec2 nearest = abs(fract(at / EVERY + 0.5) - 0.5) * EVERY;
  float edge = max(blur.x, blur.y);
  float ink = 1.0 - smoothstep(1.1 - edge / 2.0, 1.1 + edge / 2.0, nearest.y);
  float mean = 0.44;
  if (marks > 1.5) {
    float row = floor(at.y / EVERY + 0.5);
    float along = abs(fract(at.x / 9.0 + 0.5 * mod(row, 2.0)) - 0.5) * 9.0;
    ink *= 1.0 - smoothstep(2.7 - edge / 2.0, 2.7 + edge / 2.0, along);
    mean = 0.26;
  }
  if (marks > 2.5) {
    ink = 1.0 - smoothstep(1.5 - edge / 2.0, 1.5 + edge / 2.0, length(nearest));
    mean = 0.28;
  }
  // Marks finer than two pixels would only shimmer.
  return mix(ink, mean, smoothstep(0.4, 0.7, edge / EVERY));
}
float nearness() {
  float near = 0.0;
  for (int n = 0; n < 4 && tips[n].w > 0.0; n++)
    near = max(near, 1.0 - smoothstep(0.35, 1.0, distance(world, tips[n].xyz) / tips[n].w));
  return near;
}
void main() {
  float ink = marked();
  float near = nearness();
  if (between < 0.0 && ink < 0.5) discard;
  if (shell < 0.5 && between >= 0.0) {
    float chance = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
    if (chance < 0.65 * near) discard;
  }
  vec3 colour = painted.rgb;
  float opacity = painted.a;
  vec3 to_eye = normalize(eye - world);
  float facing = abs(dot(normalize(normal), to_eye));
  float away = 1.0 - facing;
  vec3 lit = colour * (0.16 + 0.84 * facing) + vec3(0.10) * pow(facing, 24.0) + 0.10 * colour * pow(away, 3.0);
  float alpha = opacity;
  if (shell > 0.5) alpha = min(1.0, opacity * mix(1.9, 0.62, smoothstep(0.0, 0.75, facing)));
  if (outlined > 0.5) {
    vec3 bright = colour / max(max(colour.r, max(colour.g, colour.b)), 0.001);
    lit = mix(bright, vec3(1.0), 0.15) * (smoothstep(0.45, 0.95, away) + 0.02);
    alpha = shell > 0.5 ? opacity : 1.0;
    lit *= shell > 0.5 ? clamp(2.0 * opacity, 0.2, 1.0) : 1.0;
  }
  if (between >= 0.0) {
    if (shell > 0.5) alpha *= mix(between, 1.0, ink) * mix(1.0, 0.3, near);
    else lit *= mix(0.45, 1.0, ink);
  }
  light = vec4(lit * alpha, alpha);
}
"""

#: Voxels on a plane, in the display window; labels tint what is shown.
SLICE_VERTEX = """
#version 330
uniform mat4 clip_from_world;
uniform mat4 box_from_world;
in vec3 position;
out vec3 place;
void main() {
  place = (box_from_world * vec4(position, 1.0)).xyz;
  gl_Position = clip_from_world * vec4(position, 1.0);
}
"""

SLICE_FRAGMENT = """
#version 330
uniform sampler3D samples;
uniform sampler3D labels;
uniform sampler2D palette;
uniform vec2 window;
in vec3 place;
out vec4 light;
vec3 linear(vec3 c) { return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c)); }
void main() {
  if (any(lessThan(place, vec3(0.0))) || any(greaterThan(place, vec3(1.0)))) discard;
  float grey = clamp((texture(samples, place).r - window.x) / (window.y - window.x), 0.0, 1.0);
  int label = int(texture(labels, place).r * 255.0 + 0.5);
  if (grey < 0.004 && label == 0) discard;
  vec4 tint = texelFetch(palette, ivec2(label, 0), 0);
  light = vec4(linear(mix(vec3(grey), tint.rgb, tint.a * 0.35)), 1.0);
}
"""

#: A picture on a plane; its colours are sRGB, not multiplied by its alpha.
PICTURE_VERTEX = """
#version 330
uniform mat4 clip_from_world;
uniform mat4 world_from_picture;
uniform vec2 size;
out vec2 place;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  place = vec2(corner.x, 1.0 - corner.y);
  gl_Position = clip_from_world * world_from_picture * vec4((corner - 0.5) * size, 0.0, 1.0);
}
"""

PICTURE_FRAGMENT = """
#version 330
uniform sampler2D picture;
in vec2 place;
out vec4 light;
vec3 linear(vec3 c) { return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c)); }
void main() {
  vec4 ink = texture(picture, place);
  if (ink.a < 0.01) discard;
  light = vec4(linear(ink.rgb) * ink.a, ink.a);
}
"""

#: A dark reading room with a floor that stands still, drawn behind everything where the real room is not seen.
ROOM_VERTEX = """
#version 330
uniform mat4 world_from_clip;
out vec3 far;
out vec3 near;
void main() {
  vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2) * 2.0 - 1.0;
  vec4 a = world_from_clip * vec4(corner, -1.0, 1.0);
  vec4 b = world_from_clip * vec4(corner, 1.0, 1.0);
  near = a.xyz / a.w;
  far = b.xyz / b.w;
  gl_Position = vec4(corner, 0.0, 1.0);
}
"""

ROOM_FRAGMENT = """
#version 330
uniform vec3 above;
uniform vec3 horizon;
uniform vec3 below;
uniform float floor_height;
uniform float has_floor;
in vec3 far;
in vec3 near;
out vec4 light;
void main() {
  vec3 along = normalize(far - near);
  vec3 wall = mix(horizon, along.y > 0.0 ? above : below, smoothstep(0.0, 0.6, abs(along.y)));
  if (has_floor > 0.5 && along.y < -0.01) {
    vec2 at = (near + along * ((floor_height - near.y) / along.y)).xz;
    vec2 line = abs(fract(at * 2.0 + 0.5) - 0.5) / max(fwidth(at * 2.0), vec2(1e-4));
    float grid = 1.0 - min(min(line.x, line.y), 1.0);
    wall += horizon * 0.7 * grid * exp(-0.35 * length(at - near.xz));
  }
  // Half a step of 8 bits, pseudo-random by pixel: a slow gradient of dark colours would stand in bands.
  float chance = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
  light = vec4(pow(max(pow(wall, vec3(1.0 / 2.2)) + (chance - 0.5) / 255.0, 0.0), vec3(2.2)), 1.0);
}
"""

#: From the scene's linear light, several samples a pixel, to the image that is shown.
RESOLVE_VERTEX = """
#version 330
void main() {
  vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2) * 2.0 - 1.0;
  gl_Position = vec4(corner, 0.0, 1.0);
}
"""

RESOLVE_FRAGMENT = """
#version 330
uniform sampler2D scene;
out vec4 light;
void main() { light = texelFetch(scene, ivec2(gl_FragCoord.xy), 0); }
"""
