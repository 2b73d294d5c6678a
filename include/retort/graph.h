/// \file graph.h
/// A network as data: named operations with timm's parameter names. Written once by the zoo; `network` runs it,
/// `cost` counts it, an exporter lowers it. Knows nothing of Torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retort/base.h"

namespace retort {

/// Sizes without the batch: [C, H, W] for maps, [T, D] for sequences of tokens, [C] for vectors. Features are the
/// channels of a map's pixels, the last dimension of tokens, all of a vector.
using Shape = std::vector<int64_t>;

enum class Op {
  input,
  conv2d,      ///< weight [out, in / groups, k, k], bias [out] where has_bias
  batch_norm,  ///< weight, bias, running_mean, running_var [C], num_batches_tracked []
  layer_norm,  ///< over the features of each pixel, token or vector; weight, bias [C]
  linear,      ///< of the features of each pixel, token or vector; weight [out, in], bias [out]
  relu,
  relu6,       ///< min(relu(x), 6)
  silu,        ///< x * sigmoid(x)
  gelu,        ///< x * (1 + erf(x / sqrt 2)) / 2
  hard_swish,  ///< x * relu6(x + 3) / 6
  sigmoid,
  hard_sigmoid,     ///< relu6(x + 3) / 6
  add,              ///< of two of one shape
  mean,             ///< the same, halved
  multiply,         ///< of a map and a gate [C, 1, 1]
  scale,            ///< of each feature by its weight [C]: timm's layer scale
  concat,           ///< of two maps, along channels
  channel_slice,    ///< channels [first_channel, first_channel + out_channels)
  channel_shuffle,  ///< as [groups, C / groups] transposed (ShuffleNet, Zhang et al. 2017)
  max_pool,
  avg_pool,            ///< padding counts as zeros (PyTorch's count_include_pad)
  global_avg_pool,     ///< [C, H, W] -> [C, 1, 1]
  flatten,             ///< -> [C]
  tokens,              ///< [C, H, W] -> [H * W, C], row by row
  class_token,         ///< [T, D] -> [1 + T, D]: weight [1, 1, D] comes first
  position_embedding,  ///< adds weight [1, T, D]
  attention,           ///< of `heads`: q, k, v side by side [T, 3 D] -> softmax(q k^T / sqrt(D / heads)) v, [T, D]
  first_token,         ///< behind `skipped_tokens`: [T, D] -> [D]
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
  trunc_normal,     ///< normal, deviation 0.02: timm's trunc_normal_, whose bounds of +-2 nothing reaches
  class_token,      ///< normal, deviation 1e-6
  layer_scale,      ///< all 1e-6
};

/// A trainable parameter, or a buffer that training updates but no gradient does.
struct Parameter {
  std::string name;  ///< timm's, such as "layer1.0.conv1.weight"
  Shape shape;
  Init init = Init::zeros;
  bool buffer = false;
  bool integer = false;   ///< int64 (num_batches_tracked); all else is float32
  bool no_decay = false;  ///< in timm's no_weight_decay(); tensors of one dimension do not decay either
  int64_t groups = 1;     ///< of its convolution, which conv_fan_out asks for
};

/// One operation. Only the fields that its Op reads are set.
struct Node {
  std::string name;  ///< timm's module name, or one made from it; unique
  Op op = Op::input;
  std::vector<int> inputs;      ///< nodes, all earlier than this one
  std::vector<int> parameters;  ///< indices into Graph::parameters, in the order that Op lists
  int64_t out_channels = 0;     ///< conv2d, linear, channel_slice
  int64_t kernel = 1, stride = 1, padding = 0, groups = 1, first_channel = 0;
  int64_t heads = 1;           ///< attention
  int64_t skipped_tokens = 0;  ///< first_token
  bool ceil_mode = false;      ///< of pools: the number of windows is rounded up
  bool has_bias = false;
  double eps = 1e-5, momentum = 0.1;  ///< batch_norm, layer_norm, PyTorch's meaning
};

/// Nodes in an order in which they can be run; node 0 is the input, the last one the logits.
struct Graph {
  std::string architecture;
  int64_t classes = 0, channels = 0;   ///< of the logits, of the input image
  int64_t image_size = 0;              ///< side of the images it is built for, timm's fixed_input_size; 0: all that fit
  std::string classifier, first_conv;  ///< timm's pretrained_cfg: names of these two modules
  /// The classifier of a distillation token (DeiT, section 4), which distillation trains; the logits are then the mean
  /// of both classifiers'. Empty where there is no such token.
  std::string distill_classifier;
  std::vector<Node> nodes;
  std::vector<Parameter> parameters;

  /// Index of the node called `name`. Throws a usage error that lists near names.
  int find(const std::string& name) const;

  /// Index of the node whose output a forward hook on timm's module `name` is given: the last one that is called `name`
  /// or starts with `name` and a dot. "layer1.0" is a block, "layer1" its stage; "bn1" has its activation where timm's
  /// norms do. Throws a usage error that lists a near name.
  int tap(const std::string& name) const;
};

/// What tap() takes, with the shape that it gives.
struct TapInfo {
  std::string name;
  Shape shape;
};
/// All of a graph's, for images of `input` = [C, H, W], in the order in which they are computed.
std::vector<TapInfo> list_taps(const Graph& graph, const Shape& input);

/// The shape of every node's output for one image of `input` = [C, H, W]. Throws Error where the image is too small,
/// not of the size the graph is built for, or its channels differ from the graph's.
std::vector<Shape> infer_shapes(const Graph& graph, const Shape& input);

struct Cost {
  int64_t parameters = 0;  ///< trainable numbers, as timm counts them
  /// Multiply-adds of one image in convolutions, linear layers and attention's two products of matrices, 2 T^2 D. Of
  /// vit_base_patch16_224's 17.56e9 the latter are 0.72e9, which fvcore, and so what timm publishes, leaves out.
  int64_t macs = 0;
};
Cost cost(const Graph& graph, const Shape& input);

/// Builds a graph node by node. Methods return the node's index, which is the handle for what follows.
class GraphBuilder {
 public:
  /// `image_size`: where the parameters depend on it, and then the only side that images may have.
  GraphBuilder(std::string architecture, int64_t channels, int64_t classes, int64_t image_size = 0);

  struct Conv {
    int64_t out = 0, kernel = 1, stride = 1, padding = 0, groups = 1;
    bool bias = false;
    Init init = Init::kaiming_fan_out;
  };
  int conv2d(int x, const std::string& name, const Conv& conv);
  /// `weight_init`: zeros for the last norm of a residual branch, where the family wants that.
  int batch_norm(int x, const std::string& name, Init weight_init = Init::ones, double eps = 1e-5);
  int layer_norm(int x, const std::string& name, double eps = 1e-6);
  int linear(int x, const std::string& name, int64_t out, Init init = Init::torch_default);
  /// The node is called as its parameter is, here and in the next two.
  int scale(int x, const std::string& name);
  int class_token(int x, const std::string& name, Init init = Init::class_token);
  /// `tokens`: their count, T.
  int position_embedding(int x, const std::string& name, int64_t tokens);
  int attention(int x, const std::string& name, int64_t heads);
  int first_token(int x, const std::string& name, int64_t skipped_tokens = 0);
  /// Any operation without parameters and settings: activations, add, mean, multiply, concat, global_avg_pool, flatten,
  /// tokens.
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
  int64_t image_size() const { return graph_.image_size; }
  /// Checks names and ends the graph at the last node, the linear layer `classifier`, or the mean of that and
  /// `distill_classifier`.
  Graph finish(const std::string& first_conv, const std::string& classifier,
               const std::string& distill_classifier = "");

 private:
  int add_node(Node node, int64_t channels);
  int add_parameter(Parameter parameter);
  int add_weighted(Op op, int x, Parameter weight);
  void set_eps(Node& node, double eps) const;
  Graph graph_;
  std::vector<int64_t> channels_;
};

}  // namespace retort
