"""From a network's predictions to detections: threshold, the best candidates, NMS; on tensors and on arrays."""
