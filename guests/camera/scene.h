/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a camera that looks back along a road: generated, since the board has no camera. */
#ifndef GUESTS_CAMERA_SCENE_H
#define GUESTS_CAMERA_SCENE_H

#include "guests/camera/canvas.h"

/* Depth is counted in the distance of the picture's lowest row; 8 fractional bits. */
#define DEPTH 256

/* The road behind the car, which has gone `travelled` (DEPTH to a unit) backwards so far. */
void scene_draw(const struct canvas *c, uint64_t travelled);
/* Guide lines over it: where the car's width will be; red, yellow, green by distance. */
void scene_guides(const struct canvas *c);

#endif
