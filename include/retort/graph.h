/// \file graph.h
/// A network as data: named operations with timm's parameter names. Written once by the zoo; `network` runs it,
/// `cost` counts it, an exporter lowers it. Knows nothing of Torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retort/base.h"

namespace retort {

/// Sizes without the batch: [C, H, W] for maps, [C] for vectors.
using Shape = std::vector<int64_t>;

enum class Op {
  input,
  conv2d,      ///< weight [out, in / groups, k, k], bias [out] where has_bias
  batch_norm,  ///< weight, bias, running_mean, running_var [C], num_batches_tracked []
  linear,      ///< weight [out, in], bias [out]
  relu,
  relu6,       ///< min(relu(x), 6)
  silu,        ///< x * sigmoid(x)
  hard_swish,  ///< x * relu6(x + 3) / 6
  sigmoid,
  hard_sigmoid,     ///< relu6(x + 3) / 6
  add,              ///< of two maps of one shape
  multiply,         ///< of a map and a gate [C, 1, 1]
  concat,           ///< of two maps, along channels
  channel_slice,    ///< channels [first_channel, first_channel + out_channels)
  channel_shuffle,  ///< as [groups, C / groups] transposed (ShuffleNet, Zhang et al. 2017)
  max_pool,
  avg_pool,         ///< padding counts as zeros (PyTorch's count_include_pad)
  global_avg_pool,  ///< [C, H, W] -> [C, 1, 1]
  flatten,          ///< -> [C]
};
/// "conv2d", ...
std::string_view op_name(Op op);

/// How a parameter is filled before training.
enum class Init {
  zeros,
  ones,
  kaiming_fan_out,  ///< normal, variance 2 / fan_out (He et al. 2015)
  conv_fan_out,     ///< normal, variance 2 / (fan_out / groups): timm's efficientnet and mobilenet rule
  torch_default,    ///< uniform in +-1 / sqrt(fan_in): torch.nn.Linear's and Conv2d's rule (biases are zeros here)
  linear_uniform,   ///< uniform in +-1 / sqrt(fan_out): timm's efficientnet and mobilenet rule
  linear_normal,    ///< normal, deviation 0.01: timm's regnet rule
};

/// A trainable parameter, or a buffer that training updates but no gradient does.
struct Parameter {
  std::string name;  ///< timm's, such as "layer1.0.conv1.weight"
  Shape shape;
  Init init = Init::zeros;
  bool buffer = false;
  bool integer = false;  ///< int64 (num_batches_tracked); all else is float32
  int64_t groups = 1;    ///< of its convolution, which conv_fan_out asks for
};

/// One operation. Only the fields that its Op reads are set.
struct Node {
  std::string name;  ///< timm's module name, or one made from it; unique; also the name of the tap
  Op op = Op::input;
  std::vector<int> inputs;      ///< nodes, all earlier than this one
  std::vector<int> parameters;  ///< indices into Graph::parameters, in the order that Op lists
  int64_t out_channels = 0;     ///< conv2d, linear, channel_slice
  int64_t kernel = 1, stride = 1, padding = 0, groups = 1, first_channel = 0;
  bool ceil_mode = false;  ///< of pools: the number of windows is rounded up
  bool has_bias = false;
  double eps = 1e-5, momentum = 0.1;  ///< batch_norm, PyTorch's meaning
};

/// Nodes in an order in which they can be run; node 0 is the input, the last one the logits.
struct Graph {
  std::string architecture;
  int64_t classes = 0, channels = 0;   ///< of the logits, of the input image
  std::string classifier, first_conv;  ///< timm's pretrained_cfg: names of these two modules
  std::vector<Node> nodes;
  std::vector<Parameter> parameters;

  /// Index of the node called `name`. Throws a usage error that lists near names.
  int find(const std::string& name) const;
};

/// The shape of every node's output for one image of `input` = [C, H, W]. Throws Error where the image is too small or
/// its channels differ from the graph's.
std::vector<Shape> infer_shapes(const Graph& graph, const Shape& input);

struct Cost {
  int64_t parameters = 0;  ///< trainable numbers, as timm counts them
  int64_t macs = 0;        ///< multiply-adds of one image in convolutions and linear layers
};
Cost cost(const Graph& graph, const Shape& input);

/// Builds a graph node by node. Methods return the node's index, which is the handle for what follows.
class GraphBuilder {
 public:
  GraphBuilder(std::string architecture, int64_t channels, int64_t classes);

  struct Conv {
    int64_t out = 0, kernel = 1, stride = 1, padding = 0, groups = 1;
    bool bias = false;
    Init init = Init::kaiming_fan_out;
  };
  int conv2d(int x, const std::string& name, const Conv& conv);
  /// `weight_init`: zeros for the last norm of a residual branch, where the family wants that.
  int batch_norm(int x, const std::string& name, Init weight_init = Init::ones, double eps = 1e-5);
  int linear(int x, const std::string& name, int64_t out, Init init = Init::torch_default);
  /// Any operation without parameters and settings: activations, add, multiply, concat, global_avg_pool, flatten.
  int apply(Op op, const std::string& name, std::vector<int> inputs);
  int pool(Op op, int x, const std::string& name, int64_t kernel, int64_t stride, int64_t padding,
           bool ceil_mode = false);
  int channel_slice(int x, const std::string& name, int64_t first, int64_t count);
  int channel_shuffle(int x, const std::string& name, int64_t groups);
  /// Channels (or features) that node `x` gives.
  int64_t channels_of(int x) const;
  /// The input image.
  int input() const { return 0; }
  int64_t classes() const { return graph_.classes; }
  /// Checks names and ends the graph at the last node; `classifier` is the linear layer's name.
  Graph finish(const std::string& first_conv, const std::string& classifier);

 private:
  int add_node(Node node, int64_t channels);
  int add_parameter(Parameter parameter);
  Graph graph_;
  std::vector<int64_t> channels_;
};

}  // namespace retort
