"""Pictures in stages, coarse to fine, of words that every place of the finer ones looks at, and of named traits.

Source: Zhang et al. 2017 (arXiv:1710.10916), section 4, for stages that share one network and have a critic each; Xu et
al. 2018 (arXiv:1711.10485), section 3.1, for the words.
"""
